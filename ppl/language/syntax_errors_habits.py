from ppl.language import syntax_errors as say
def foreign_program(source, scanned): return []
def diagnose(source, lines, where, tokens, error):
    return say.unexpected(source.text, tokens[error.position], error.expected), None
