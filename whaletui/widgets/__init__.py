"""What screens are made of; knows neither records nor processes."""
