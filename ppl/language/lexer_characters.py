from ppl.errors import Diagnostic, Span
def check_characters(text, scanned):
    return [Diagnostic("E109", f"illegal {text[t.start]!r}", Span(t.start,t.end)) for t in scanned.tokens if t.kind=="ILLEGAL"]
