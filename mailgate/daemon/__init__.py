"""The running program: wires the rooms together, keeps its threads and loops alive, listens to signals and to systemd."""
