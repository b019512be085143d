"""What each command of `distill` does, one module a command."""
