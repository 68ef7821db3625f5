"""The rules of a service desk, as pure functions: a value in, a value out. No clock, no database, no mail format here."""
