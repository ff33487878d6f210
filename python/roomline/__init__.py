"""Roomline: your own real-time video rooms that connect through any network."""
