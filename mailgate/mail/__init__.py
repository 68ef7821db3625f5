"""Bytes to values and values to bytes: what a mail says, and how a letter is written. Knows no database and no ticket rules."""
