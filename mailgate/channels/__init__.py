"""The protocols at the edge: SMTP in and out, IMAP, web, files. The only rooms that know asyncio, beside the daemon."""
