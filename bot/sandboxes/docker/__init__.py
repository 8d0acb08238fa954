"""Everything that talks to a Docker (or compatible) engine."""
