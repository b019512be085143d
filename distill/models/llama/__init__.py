"""The embedded local model: llama.cpp in a child process, behind the Anthropic Messages API."""
