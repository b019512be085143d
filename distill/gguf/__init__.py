"""Export of a language model to GGUF, the one file that llama.cpp serves.

The conversion is this project's own because llama.cpp's is a script of its source tree and in no
package; the file format, the names of the tensors and the quantisation are those of `gguf`.
"""

from distill.gguf.vocabulary import VocabularyError
from distill.gguf.write import GgufError, check_exportable, folder_tensors, write_gguf

__all__ = ["GgufError", "VocabularyError", "check_exportable", "folder_tensors", "write_gguf"]
