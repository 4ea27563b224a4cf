"""Array operations with derivatives, and the tape that replays them.

`ppl.backend.ops` is the array namespace every density and function is written in. One `Op` is one
forward function and one derivative rule per argument; the same rules serve the replayed `Tape`
(no tracing cost per evaluation) and HIPS autograd (the oracle, and networks), which only this
package imports.
"""
