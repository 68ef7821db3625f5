"""mailgate: the email gateway of a service desk. Follow one mail by reading flow/intake and then flow/step."""

__version__ = "0.1.0"
