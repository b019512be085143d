"""A trained student behind the Messages API and OpenAI's chat API, on this machine alone."""

from distill.folder import GGUF_FILE
from distill.serve.export import export_student
from distill.serve.student import Ready, find_student, make_ready

__all__ = ["GGUF_FILE", "Ready", "export_student", "find_student", "make_ready"]
