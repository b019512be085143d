"""Scripts that put no space between words, in the dialect of Polars."""

# One sign of them counts as one word.
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
