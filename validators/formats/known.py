"""The formats that are known, each in a line.

The order is that of asking: whatever is told by a signature comes before what is guessed from text, and a kind of a
format before the format.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from . import sniffing
from .format import Format, Grade
from .instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTAINERS", "FORMATS", "PACKED"]

_HDF5 = b"\x89HDF\r\n\x1a\n"

PACKED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bgzip": (".bgz", ".bgzf", ".gz"),
        "gzip": (".gz", ".gzip"),
        "zstd": (".zst", ".zstd"),
        "bzip2": (".bz2",),
        "xz": (".xz",),
    }
)
"""What a file may be packed in, with the extensions that say so."""

_EVERY = (
    # -- packed, with nothing known inside
    Format("bgzip", "Blocked gzip (BGZF)", (".bgz", ".bgzf"), Grade.ALL, sniff=sniffing.bgzip, within="gzip"),
    Format("gzip", "gzip", (".gz", ".gzip"), Grade.ALL, ((0, b"\x1f\x8b"),)),
    Format("zstd", "Zstandard", (".zst", ".zstd"), Grade.SOME,
           ((0, b"\x28\xb5\x2f\xfd"), *((0, bytes([0x50 + each, 0x2A, 0x4D, 0x18])) for each in range(16)))),
    Format("bzip2", "bzip2", (".bz2",), Grade.ALL, ((0, b"BZh"),)),
    Format("xz", "xz", (".xz",), Grade.ALL, ((0, b"\xfd7zXZ\x00"),)),
    # -- genomics
    Format("bam", "Alignments, binary", (".bam",), Grade.ALL, ((0, b"BAM\x01"),)),
    Format("bcf", "Variants, binary", (".bcf",), Grade.ALL, ((0, b"BCF\x02"),)),
    Format("cram", "Alignments against a reference", (".cram",), Grade.ALL, ((0, b"CRAM"),)),
    Format("bai", "Index of a BAM file", (".bai",), Grade.NONE, ((0, b"BAI\x01"),)),
    Format("csi", "Index by coordinates", (".csi",), Grade.ALL, ((0, b"CSI\x01"),)),
    Format("tbi", "Index of tabix", (".tbi",), Grade.ALL, ((0, b"TBI\x01"),)),
    # -- arrays and tables
    Format("npy", "NumPy array", (".npy",), Grade.NONE, ((0, b"\x93NUMPY"),)),
    Format("npz", "NumPy arrays", (".npz",), Grade.ALL, sniff=sniffing.npz, within="zip"),
    Format("netcdf4", "NetCDF-4", (".nc", ".nc4", ".cdf"), Grade.SOME, within="hdf5"),
    Format("mat73", "MATLAB 7.3", (".mat",), Grade.SOME, ((0, b"MATLAB 7.3 MAT-file"),), within="hdf5"),
    Format("hdf5", "HDF5", (".h5", ".hdf5", ".hdf", ".he5", ".h5ad", ".loom", ".fast5", ".ims"), Grade.SOME,
           tuple((place, _HDF5) for place in (0, 512, 1024, 2048, 4096, 8192))),
    Format("netcdf3", "NetCDF-3", (".nc", ".nc3", ".cdf"), Grade.NONE,
           ((0, b"CDF\x01"), (0, b"CDF\x02"), (0, b"CDF\x05"))),
    Format("zarr", "Zarr, a folder", (".zarr",), Grade.SOME),
    Format("parquet", "Parquet", (".parquet", ".pq"), Grade.SOME, ((0, b"PAR1"),)),
    Format("arrow", "Arrow IPC file", (".arrow", ".feather", ".ipc"), Grade.NONE, ((0, b"ARROW1\0\0"),)),
    Format("arrows", "Arrow IPC stream", (".arrows",), Grade.NONE, sniff=sniffing.arrow_stream),
    Format("fits", "FITS", (".fits", ".fit", ".fts"), Grade.NONE, ((0, b"SIMPLE  ="),)),
    Format("ome-tiff", "OME-TIFF", (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.btf"), Grade.NONE, within="tiff"),
    Format("tiff", "TIFF", (".tif", ".tiff", ".btf", ".tf8"), Grade.NONE,
           ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0\x08\0\0\0"), (0, b"MM\0+\0\x08\0\0"))),
    Format("dicom", "DICOM", (".dcm", ".dicom"), Grade.NONE, ((128, b"DICM"),)),
    Format("nifti", "NIfTI", (".nii", ".hdr"), Grade.NONE,
           ((344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0\r\n\x1a\n"), (4, b"ni2\0\r\n\x1a\n"))),
    Format("mat5", "MATLAB 5", (".mat",), Grade.SOME, ((0, b"MATLAB 5.0 MAT-file"),)),
    Format("sqlite", "SQLite", (".sqlite", ".sqlite3", ".gpkg"), Grade.SOME, ((0, b"SQLite format 3\0"),)),
    Format("pickle", "Python pickle, which is never loaded", (".pkl", ".pickle", ".joblib"), Grade.SOME,
           sniff=sniffing.pickle),
    # -- archives and documents
    Format("docx", "Word document", (".docx",), Grade.ALL, sniff=sniffing.zip_with(b"word/"), within="zip"),
    Format("xlsx", "Excel workbook", (".xlsx",), Grade.ALL, sniff=sniffing.zip_with(b"xl/"), within="zip"),
    Format("zip", "zip", (".zip", ".jar", ".whl"), Grade.ALL, ((0, b"PK\x03\x04"), (0, b"PK\x05\x06"))),
    Format("tar", "tar", (".tar", ".tgz", ".tbz2", ".txz"), Grade.SOME, ((257, b"ustar"),)),
    Format("png", "PNG image", (".png",), Grade.ALL, ((0, b"\x89PNG\r\n\x1a\n"),)),
    Format("jpeg", "JPEG image", (".jpg", ".jpeg"), Grade.SOME, ((0, b"\xff\xd8\xff"),)),
    Format("pdf", "PDF", (".pdf",), Grade.SOME, sniff=sniffing.pdf),
    *INSTRUMENTS,
    # -- text
    Format("vcf", "Variants", (".vcf",), Grade.NONE, ((0, b"##fileformat=VCF"),), text=True),
    Format("gff3", "Features, GFF3", (".gff3", ".gff"), Grade.NONE, ((0, b"##gff-version"),), text=True),
    Format("sam", "Alignments, text", (".sam",), Grade.NONE, sniff=sniffing.sam, text=True, empty=True),
    Format("fastq", "Reads with qualities", (".fastq", ".fq"), Grade.NONE, sniff=sniffing.fastq, text=True, empty=True),
    Format("fasta", "Sequences", (".fasta", ".fa", ".fna", ".faa", ".ffn", ".frn", ".fas"), Grade.NONE,
           sniff=sniffing.fasta, text=True),
    Format("notebook", "Jupyter notebook", (".ipynb",), Grade.NONE, sniff=sniffing.notebook, within="json", text=True),
    Format("jsonl", "JSON, one value a line", (".jsonl", ".ndjson"), Grade.NONE, sniff=sniffing.jsonl, within="json",
           text=True, empty=True),
    Format("json", "JSON", (".json", ".geojson"), Grade.NONE, sniff=sniffing.json, text=True),
    Format("bed", "Intervals", (".bed",), Grade.NONE, text=True, empty=True),
    Format("bedgraph", "Intervals with values", (".bedgraph", ".bdg", ".bg"), Grade.NONE, text=True, empty=True),
    Format("gtf", "Features, GTF", (".gtf",), Grade.NONE, text=True),
    Format("fai", "Index of a FASTA file", (".fai",), Grade.NONE, text=True, empty=True),
    Format("crai", "Index of a CRAM file", (".crai",), Grade.NONE, text=True, empty=True),
    Format("tsv", "Table, tabs between columns", (".tsv", ".tab"), Grade.NONE, text=True),
    Format("csv", "Table, commas between columns", (".csv",), Grade.NONE, text=True),
    # Tables of one kind or another, section after section.
    Format("sample-sheet", "Illumina sample sheet", (".csv",), Grade.NONE, sniff=sniffing.sample_sheet, text=True),
    Format("text", "Text", (".txt", ".md", ".log", ".py", ".r", ".sh", ".yaml", ".yml", ".toml"), Grade.NONE,
           text=True, empty=True),
)  # fmt: skip

FORMATS: Mapping[str, Format] = MappingProxyType({each.name: each for each in _EVERY})
"""Every format by its name, in the order of asking."""

CONTAINERS = frozenset({"zip", "npz", "docx", "xlsx", "tar"})
"""Formats that hold files."""
