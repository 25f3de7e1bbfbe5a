"""What is shown, without showing it: events folded into views, files followed, filters read. Knows no Textual."""
