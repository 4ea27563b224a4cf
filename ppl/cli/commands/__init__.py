"""One command a file, found by the file's name; the first line of its docstring is its help."""
