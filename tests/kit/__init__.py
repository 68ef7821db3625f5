"""What do the tests stand on? Real servers in folders of their own, a gateway as a real process, a clock that tests turn.

Each module is one piece: `need` finds a program or skips, `postgres` and `postfix` are throw-away servers, `daemon` runs mailgate,
`relay` records what leaves it, `disk` fills up, `clock` stands still. Rules learnt: ports are bound below the range from which the
system takes its own; whole process groups are killed; whatever waits has a deadline; a test that kills ends with an audit.
"""
