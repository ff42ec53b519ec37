"""The far ends: networks, phones, meters. They know the wire, never us."""
