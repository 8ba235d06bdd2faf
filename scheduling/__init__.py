"""What a laboratory runs, when, and why.

A *workflow* is made of *stages*; a *task* is one stage for one *sample*; a *run* is a workflow over samples.  A *plan*
says who runs when, given what the *instruments* can do, their *maintenance windows* and the samples' *viability*.
Data enters and leaves an archive through its front door: chunks, packs and segments are not known here.
"""

__all__: list[str] = []
