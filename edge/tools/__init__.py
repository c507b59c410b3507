"""What the agent can do besides talking: each tool is a name, a schema and a plain function."""
