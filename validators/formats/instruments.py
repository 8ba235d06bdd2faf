"""Formats of instruments and of statistics programs, known by their signatures, and by name where they have none.

Most are their makers' own: what is in them only the maker's programs tell.
"""

from __future__ import annotations

from .format import Format, Grade

__all__ = ["INSTRUMENTS"]

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAS = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")


def _lif(head: bytes) -> bool:
    """Two marks of a block, and its length between them."""
    return head.startswith(b"p\0\0\0") and head[8:9] == b"*"


def _edf(head: bytes) -> bool:
    """Version 0, and numbers where the header's size and that of the signals are."""
    return head.startswith(b"0       ") and head[184:192].strip().isdigit() and head[252:256].strip().isdigit()


def _own(name: str, about: str, extensions: tuple[str, ...], *marks: bytes, within: str | None = None) -> Format:
    return Format(name, about, extensions, Grade.NONE, tuple((0, mark) for mark in marks), within=within)


INSTRUMENTS: tuple[Format, ...] = (
    # -- mass spectrometry, chromatography, spectroscopy
    # Its files end with .raw, as arrays of any kind do.
    _own("thermo-raw", "Thermo mass spectra", (), b"\x01\xa1" + "Finnigan".encode("utf-16-le")),
    _own("agilent-ch", "Agilent ChemStation signals", (".ch", ".uv"),
         *(bytes([len(kind)]) + kind for kind in (b"8", b"81", b"30", b"31", b"130", b"131", b"179", b"180", b"181"))),
    _own("bruker-baf", "Bruker mass spectra", (".baf",)),
    _own("bruker-opus", "Bruker OPUS spectra", (".opus",), b"\n\n\xfe\xfe"),
    _own("perkin-elmer", "PerkinElmer spectra", (".sp",), b"PEPE2D"),
    _own("spc", "Thermo Galactic spectra", (".spc",)),
    # -- microscopy
    Format("leica-lif", "Leica images", (".lif",), Grade.NONE, sniff=_lif),
    _own("zeiss-czi", "Zeiss images", (".czi",), b"ZISRAWFILE"),
    _own("nikon-nd2", "Nikon images", (".nd2",), b"\xda\xce\xbe\x0a"),
    _own("olympus-oir", "Olympus images", (".oir",), b"OLYMPUSRAWFORMAT"),
    _own("olympus-oib", "Olympus images", (".oib",), within="ole2"),
    _own("zeiss-zvi", "Zeiss AxioVision images", (".zvi",), within="ole2"),
    _own("gatan-dm", "Gatan DigitalMicrograph images", (".dm3", ".dm4")),
    _own("biorad-1sc", "Bio-Rad gel images", (".1sc",)),
    Format("mrc", "Electron density, MRC", (".mrc", ".mrcs", ".ccp4", ".rec"), Grade.NONE, ((208, b"MAP "),)),
    _own("jpeg2000", "JPEG 2000 image", (".jp2", ".j2k"), b"\0\0\0\x0cjP  \r\n\x87\n"),
    # -- sequencing
    _own("pod5", "Nanopore signals", (".pod5",), b"\x8bPOD\r\n\x1a\n"),
    _own("abif", "Sanger traces", (".ab1", ".abi", ".fsa"), b"ABIF"),
    _own("scf", "Sanger traces", (".scf",), b".scf"),
    _own("sff", "454 flowgrams", (".sff",), b".sff"),
    _own("sra", "Sequence Read Archive", (".sra",), b"NCBI.sra"),
    _own("illumina-bcl", "Illumina base calls", (".bcl", ".cbcl", ".locs", ".clocs", ".filter")),
    _own("illumina-interop", "Illumina InterOp metrics", ("metricsout.bin",)),
    # Its files end with .bed, as text does.
    _own("plink-bed", "PLINK genotypes", (), b"\x6c\x1b\x00", b"\x6c\x1b\x01", within="bed"),
    _own("2bit", "Sequences, two bits each", (".2bit",), b"\x43\x27\x41\x1a", b"\x1a\x41\x27\x43"),
    _own("bigwig", "Signals by coordinates", (".bw", ".bigwig"), b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26"),
    _own("bigbed", "Intervals, indexed", (".bb", ".bigbed"), b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb"),
    # -- cells and nerves
    _own("fcs", "Flow cytometry", (".fcs",), b"FCS2.0", b"FCS3.0", b"FCS3.1", b"FCS3.2"),
    _own("axon-abf", "Axon recordings", (".abf",), b"ABF2"),
    _own("intan", "Intan recordings", (".rhd", ".rhs"), b"\x02\x27\x91\xc6", b"\xac\x27\x91\xd6"),
    _own("blackrock", "Blackrock recordings", (".nev", ".ns1", ".ns2", ".ns3", ".ns4", ".ns5", ".ns6"),
         b"NEURALEV", b"NEURALSG", b"NEURALCD", b"BREVENTS", b"BRSMPGRP"),
    Format("edf", "European Data Format", (".edf", ".bdf"), Grade.NONE, ((0, b"\xffBIOSEMI"),), sniff=_edf),
    # -- statistics and offices
    _own("spss", "SPSS data", (".sav", ".zsav"), b"$FL2", b"$FL3"),
    _own("sas7bdat", "SAS data", (".sas7bdat",), _SAS),
    _own("sas-xport", "SAS transport", (".xpt",), b"HEADER RECORD*******LIB"),
    _own("stata", "Stata data", (".dta",), b"<stata_dta>"),
    _own("rds", "R object", (".rds",), b"X\n\0\0\0"),
    _own("rdata", "R workspace", (".rdata", ".rda"), b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"),
    _own("sciex-wiff", "SCIEX mass spectra", (".wiff",), within="ole2"),
    _own("xls", "Excel workbook of old", (".xls",), within="ole2"),
    _own("doc", "Word document of old", (".doc",), within="ole2"),
    _own("ole2", "Compound file of Microsoft", (), _OLE2),
)  # fmt: skip
"""Formats whose content is not checked."""
