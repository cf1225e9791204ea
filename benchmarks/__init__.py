"""Measurements as commands; their figures are in NOTES.md and the README."""
