"""Who answers questions about names? A DNS server on loopback that knows what a test tells it."""

from __future__ import annotations

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset


class NameServer:
    """A server for records by (name, type). A name in `silent` gets no answer at all; `asked` are the questions, in order."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def tell(self, name: str, kind: str, *records: str) -> None:
        """The records of a name from now on, as a zone file has them."""
        self.records[(name, kind)] = list(records)

    def text(self, name: str, text: str) -> None:
        """One TXT record, cut into pieces as long ones must be."""
        self.tell(name, "TXT", " ".join(f'"{text[start : start + 250]}"' for start in range(0, len(text), 250)))

    def resolver(self) -> dns.resolver.Resolver:
        """A resolver that asks this server and nobody else."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._socket.getsockname()[1]
        return resolver

    def close(self) -> None:
        """Ends it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            octets, peer = self._socket.recvfrom(4096)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            question = query.question[0]
            name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, kind))
            if name in self.silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA
            if records := self.records.get((name, kind)):
                answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, records))
            elif not any(known == name for known, _ in self.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), peer)
