"""The only reader of config/: TOML files to frozen settings, every fault with its file and line. Decides nothing about mail."""
