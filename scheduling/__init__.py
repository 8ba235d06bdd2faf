"""What a laboratory runs, when, and why.

A *workflow* is made of *stages*; a *task* is one stage for one *sample*; a *run* is a workflow over samples.  A *plan*
says who runs when, given what the *instruments* can do, their *maintenance windows* and the samples' *viability*.
Data enters and leaves an archive through its front door: chunks, packs and segments are not known here.

::

    workflow = load_workflow("germline.yaml")       # or Workflow(…), which is the same
    workflow.check(samples, site).ok                # every problem at once, before anything runs
    workflow.dry_run(samples, site)                 # every command

    with Scheduler(site) as scheduler:
        run = scheduler.start(workflow, samples)    # or scheduler.resume(name), whatever had happened
        scheduler.work()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis.analysing import Analysis, Bottleneck, analyse
    from .analysis.usage import Rates, usage
    from .archiving.auditing import Audited, check_audit
    from .archiving.clearing import clear_run
    from .archiving.exporting import AuditExport, audit_export
    from .archiving.keeping import Archived, archive_run
    from .declaring.containers import Containers
    from .declaring.environments import Environment, Tool
    from .declaring.parameters import REQUIRED, Parameter
    from .declaring.policies import Failure, Hold, Instead, Reduce, Retry, Rule, Skip, StopRun, StopSample, When
    from .declaring.ports import Input, Output
    from .declaring.quotas import Quota
    from .declaring.resources import Load, Needs, Resources
    from .declaring.stages import Stage
    from .declaring.steps import First, Per, Setting, Step
    from .documents.loading import load_workflow, read_workflow, workflow_document
    from .neighbours.crates.exporting import export_run_crate
    from .neighbours.cwl.exporting import export_cwl
    from .neighbours.cwl.importing import import_cwl
    from .neighbours.galaxy import import_galaxy
    from .neighbours.imported import Exported, Imported, Loss
    from .neighbours.nextflow.importing import import_nextflow
    from .neighbours.nfcore import read_nfcore
    from .neighbours.snakemake.importing import import_snakemake
    from .neighbours.wfformat.exporting import export_wfformat
    from .neighbours.wfformat.importing import Trace, import_wfformat
    from .places.local import LocalPlace
    from .places.place import Ended, Job, Lost, Place, Running, Waiting
    from .records.following import Records
    from .running.reporting import RunReport
    from .running.run import Outcome, Run
    from .running.scheduler import Scheduler
    from .samples.sample import Sample
    from .samples.sheets import read_samples
    from .site import Site
    from .workflow import Workflow

__all__ = [
    "Analysis",
    "Archived",
    "AuditExport",
    "Audited",
    "Bottleneck",
    "Containers",
    "Ended",
    "Environment",
    "Exported",
    "Failure",
    "First",
    "Hold",
    "Imported",
    "Input",
    "Instead",
    "Job",
    "Load",
    "LocalPlace",
    "Loss",
    "Lost",
    "Needs",
    "Outcome",
    "Output",
    "Parameter",
    "Per",
    "Place",
    "Quota",
    "REQUIRED",
    "Rates",
    "Records",
    "Reduce",
    "Resources",
    "Retry",
    "Rule",
    "Run",
    "RunReport",
    "Running",
    "Sample",
    "Scheduler",
    "Setting",
    "Site",
    "Skip",
    "Stage",
    "Step",
    "StopRun",
    "StopSample",
    "Tool",
    "Trace",
    "Waiting",
    "When",
    "Workflow",
    "analyse",
    "archive_run",
    "audit_export",
    "check_audit",
    "clear_run",
    "export_cwl",
    "export_run_crate",
    "export_wfformat",
    "import_cwl",
    "import_galaxy",
    "import_nextflow",
    "import_snakemake",
    "import_wfformat",
    "load_workflow",
    "read_nfcore",
    "read_samples",
    "read_workflow",
    "usage",
    "workflow_document",
]

# The module that defines each name.
_HOME = {
    "Analysis": "analysis.analysing",
    "Archived": "archiving.keeping",
    "AuditExport": "archiving.exporting",
    "Audited": "archiving.auditing",
    "Bottleneck": "analysis.analysing",
    "Containers": "declaring.containers",
    "Ended": "places.place",
    "Environment": "declaring.environments",
    "Exported": "neighbours.imported",
    "Failure": "declaring.policies",
    "First": "declaring.steps",
    "Hold": "declaring.policies",
    "Imported": "neighbours.imported",
    "Input": "declaring.ports",
    "Instead": "declaring.policies",
    "Job": "places.place",
    "Load": "declaring.resources",
    "LocalPlace": "places.local",
    "Loss": "neighbours.imported",
    "Lost": "places.place",
    "Needs": "declaring.resources",
    "Outcome": "running.run",
    "Output": "declaring.ports",
    "Parameter": "declaring.parameters",
    "Per": "declaring.steps",
    "Place": "places.place",
    "Quota": "declaring.quotas",
    "REQUIRED": "declaring.parameters",
    "Rates": "analysis.usage",
    "Records": "records.following",
    "Reduce": "declaring.policies",
    "Resources": "declaring.resources",
    "Retry": "declaring.policies",
    "Rule": "declaring.policies",
    "Run": "running.run",
    "RunReport": "running.reporting",
    "Running": "places.place",
    "Sample": "samples.sample",
    "Scheduler": "running.scheduler",
    "Setting": "declaring.steps",
    "Site": "site",
    "Skip": "declaring.policies",
    "Stage": "declaring.stages",
    "Step": "declaring.steps",
    "StopRun": "declaring.policies",
    "StopSample": "declaring.policies",
    "Tool": "declaring.environments",
    "Trace": "neighbours.wfformat.importing",
    "Waiting": "places.place",
    "When": "declaring.policies",
    "Workflow": "workflow",
    "analyse": "analysis.analysing",
    "archive_run": "archiving.keeping",
    "audit_export": "archiving.exporting",
    "check_audit": "archiving.auditing",
    "clear_run": "archiving.clearing",
    "export_cwl": "neighbours.cwl.exporting",
    "export_run_crate": "neighbours.crates.exporting",
    "export_wfformat": "neighbours.wfformat.exporting",
    "import_cwl": "neighbours.cwl.importing",
    "import_galaxy": "neighbours.galaxy",
    "import_nextflow": "neighbours.nextflow.importing",
    "import_snakemake": "neighbours.snakemake.importing",
    "import_wfformat": "neighbours.wfformat.importing",
    "load_workflow": "documents.loading",
    "read_nfcore": "neighbours.nfcore",
    "read_samples": "samples.sheets",
    "read_workflow": "documents.loading",
    "usage": "analysis.usage",
    "workflow_document": "documents.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
