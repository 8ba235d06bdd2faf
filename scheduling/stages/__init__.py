"""Stages for programs that laboratories use, ready-made, and workflows of them.

::

    from holotype.scheduling.stages import bwa, samtools
    from holotype.scheduling.stages.germline import germline

    Step(bwa.MEM, {"reads": "reads", "reference": "genome"}, parameters={"threads": 8})
    germline(caller="freebayes").check(samples, site, shared={"reference": "genome.fa"})

Each is a value: with ``dataclasses.replace`` it becomes another, with a container, say, or other thresholds.
"""
