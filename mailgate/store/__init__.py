"""Values to rows and rows to values. All SQL of the house stands here; each function works inside its caller's transaction."""
