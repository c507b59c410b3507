"""The offline models: what they are, where they are, and how they get here."""

from edge.agents.local.models.catalogue import Model, State, load_manifest, path_of, state_of, verify
from edge.agents.local.models.command import fetch, main

__all__ = ["Model", "State", "fetch", "load_manifest", "main", "path_of", "state_of", "verify"]
