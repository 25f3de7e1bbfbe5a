"""Ways to other people's programs: their formats, their clients, their leaderboards."""
