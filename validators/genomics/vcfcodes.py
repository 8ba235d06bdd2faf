"""The rules for variants in text: what is asked of the header, of the text itself, and of records.

Where one version of the specification says *should* and another *must*, it is the same rule: ``mild`` is its warning.
"""

from __future__ import annotations

from dataclasses import replace

from ..findings import Code, Severity

__all__ = ["VCF_CODES", "VCF_HEADER_CODES", "mild"]

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


def mild(code: Code) -> Code:
    """The same rule where breaking it is only suspicious."""
    return replace(code, severity=_WARNING)


FILEFORMAT = Code(
    "vcf.header.fileformat", _ERROR, "The first line is ##fileformat=VCFv4.x, and no other is.", "VCF 4.3, 1.4.1"
)
VERSION = Code("vcf.header.version", _ERROR, "The version is one of 4.1 to 4.5.", "VCF 4.3, 1.4.1")
META = Code("vcf.header.meta", _ERROR, "What stands before the columns' names is ##key=value.", "VCF 4.3, 1.4")
STRUCTURE = Code(
    "vcf.header.structure", _ERROR, "A structured line is <key=value,…>, with quotes that close.", "VCF 4.3, 1.4"
)
MISSING_ID = Code("vcf.header.id", _ERROR, "A structured line has an ID.", "VCF 4.3, 1.4")
DUPLICATE_ID = Code("vcf.header.duplicate", _ERROR, "IDs are unique among the lines of a kind.", "VCF 4.3, 1.4")
REQUIRED = Code("vcf.header.required", _ERROR, "A line has the fields that its kind requires.", "VCF 4.3, 1.4.2-1.4.8")
ORDER = Code(
    "vcf.header.order", _ERROR, "Extra fields follow the required ones, which keep their order.", "VCF 4.3, 1.4"
)
NUMBER = Code("vcf.header.number", _ERROR, "Number is a count or one of the version's letters.", "VCF 4.3, 1.4.2")
TYPE = Code("vcf.header.type", _ERROR, "Type is one of those that the kind of line may have.", "VCF 4.3, 1.4.2")
QUOTES = Code("vcf.header.quotes", _ERROR, "A Description is quoted; other values need no quotes.", "VCF 4.3, 1.4.2")
RESERVED = Code(
    "vcf.header.reserved", _ERROR, "A reserved key has the Number and the Type that are reserved.", "VCF 4.3, 1.6.1-3"
)
NAME = Code("vcf.header.name", _ERROR, "An ID consists of the characters that its kind may have.", "VCF 4.3, 1.6.1")
ALT_ID = Code("vcf.header.alt", _ERROR, "A symbolic allele begins with a type that is known.", "VCF 4.3, 1.4.5")
CONTIG = Code("vcf.header.contig", _ERROR, "A contig's name, length and checksum are well-formed.", "VCF 4.3, 1.4.7")
URL = Code("vcf.header.url", _ERROR, "What is a URL has a scheme and a host that can be.", "RFC 3986, 3.2.2")
PEDIGREE = Code("vcf.header.pedigree", _ERROR, "A pedigree names genomes.", "VCF 4.2, 1.2.9")
SAMPLE_VALUES = Code("vcf.header.values", _WARNING, "A sample's value is one of those declared.", "VCF 4.3, 1.4.8")
COLUMNS = Code("vcf.header.columns", _ERROR, "One line names the columns, as prescribed.", "VCF 4.3, 1.5")
SAMPLES = Code("vcf.header.samples", _ERROR, "Samples have names, no two of them the same.", "VCF 4.3, 1.5")

ENCODING = Code("vcf.text.encoding", _ERROR, "The text is UTF-8.", "VCF 4.3, 1.2")
CONTROL = Code("vcf.text.control", _ERROR, "There are no control characters in the text.", "VCF 4.3, 1.2")
PERCENT = Code("vcf.text.percent", _WARNING, "A percent sign begins two capital hexadecimal digits.", "VCF 4.3, 1.2")
BLANK = Code("vcf.text.blank", _ERROR, "No line is empty.", "VCF 4.3, 1.6")
NEWLINE = Code("vcf.text.newline", _ERROR, "The last line ends with a line separator.", "VCF 4.3, 1.6")

FIELDS = Code("vcf.record.columns", _ERROR, "A record has as many fields as there are columns.", "VCF 4.3, 1.6")
EMPTY = Code("vcf.record.empty", _ERROR, "No field is empty; a dot stands for what is missing.", "VCF 4.3, 1")
MISPLACED = Code("vcf.record.header", _ERROR, "No line of the header follows the columns' names.", "VCF 4.5, 1.4")
CHROM = Code("vcf.chrom.name", _ERROR, "CHROM is a name without what has a meaning of its own.", "VCF 4.3, 1.6.1")
UNKNOWN_CONTIG = Code("vcf.chrom.undeclared", _WARNING, "A contig is declared where any are.", "VCF 4.3, 1.4.7")
CONTIGUOUS = Code("vcf.chrom.contiguous", _ERROR, "The records of a contig are one block.", "VCF 4.3, 1.6.1")
POS = Code("vcf.pos.value", _ERROR, "POS is a whole number from 0.", "VCF 4.3, 1.6.1")
BEYOND = Code("vcf.pos.beyond", _ERROR, "POS and END are within the contig, or one after its end.", "VCF 4.3, 1.6.1")
UNSORTED = Code("vcf.pos.sorted", _ERROR, "Positions of a contig never decrease.", "VCF 4.3, 1.6.1")
DUPLICATE = Code(
    "vcf.record.duplicate", _ERROR, "No change of sequence is told twice, however it is written.", "VCF 4.3, 1.6.1"
)
ID = Code("vcf.id.value", _ERROR, "ID is a list of identifiers, none of them empty or twice.", "VCF 4.3, 1.6.1")
REF = Code("vcf.ref.bases", _ERROR, "REF is of the bases A, C, G, T and N.", "VCF 4.3, 1.6.1")
ALT = Code("vcf.alt.allele", _ERROR, "An allele is bases, *, a symbol or a breakend.", "VCF 4.3, 1.6.1 and 5.4")
SAME_ALT = Code(
    "vcf.alt.same", _ERROR, "An alternate allele is neither the reference nor another one.", "VCF 4.3, 1.6.1"
)
UNKNOWN_ALT = Code("vcf.alt.undeclared", _WARNING, "A symbolic allele is declared.", "VCF 4.3, 1.4.5")
QUAL = Code("vcf.qual.value", _ERROR, "QUAL is a number from 0, or missing.", "VCF 4.3, 1.6.1")
FILTER = Code("vcf.filter.value", _ERROR, "FILTER is PASS, a list of filters, or missing.", "VCF 4.3, 1.6.1")
UNKNOWN_FILTER = Code("vcf.filter.undeclared", _WARNING, "A filter is declared.", "VCF 4.3, 1.4.3")
INFO = Code("vcf.info.syntax", _ERROR, "INFO is a list of key=value and flags.", "VCF 4.3, 1.6.1")
INFO_TWICE = Code("vcf.info.duplicate", _ERROR, "No key of INFO is there twice.", "VCF 4.3, 1.6.1")
UNKNOWN_INFO = Code("vcf.info.undeclared", _WARNING, "A key of INFO is declared.", "VCF 4.3, 1.4.2")
INFO_TYPE = Code("vcf.info.type", _ERROR, "A value of INFO is of the key's Type.", "VCF 4.3, 1.3 and 1.4.2")
INFO_NUMBER = Code("vcf.info.number", _ERROR, "A key of INFO has as many values as its Number says.", "VCF 4.3, 1.4.2")
INFO_FLAG = Code("vcf.info.flag", _ERROR, "A flag has no value, and what is no flag has one.", "VCF 4.3, 1.4.2")
INFO_TEXT = Code("vcf.info.characters", _WARNING, "Values have no = and no quoted commas in them.", "VCF 4.3, 1.6.1")
END = Code("vcf.info.end", _ERROR, "END is not before POS.", "VCF 4.3, 1.6.1")
FORMAT = Code("vcf.format.keys", _ERROR, "FORMAT is a list of keys, GT the first of them.", "VCF 4.3, 1.6.2")
UNKNOWN_FORMAT = Code("vcf.format.undeclared", _WARNING, "A key of FORMAT is declared.", "VCF 4.3, 1.4.4")
GT = Code("vcf.sample.gt", _ERROR, "A genotype is alleles that there are, with / or | between them.", "VCF 4.3, 1.6.2")
SAMPLE_FIELDS = Code("vcf.sample.fields", _ERROR, "A sample has no more values than FORMAT has keys.", "VCF 4.3, 1.6.2")
SAMPLE_TYPE = Code("vcf.sample.type", _ERROR, "A sample's value is of the key's Type.", "VCF 4.3, 1.3 and 1.4.4")
SAMPLE_NUMBER = Code("vcf.sample.number", _ERROR, "A key has as many values as its Number says.", "VCF 4.3, 1.4.4")

_EVERY = tuple(each for each in list(globals().values()) if isinstance(each, Code))
VCF_HEADER_CODES = tuple(each for each in _EVERY if each.name.startswith(("vcf.header.", "vcf.text.encoding")))
"""The rules for a header, which a BCF file has as well."""
VCF_CODES = _EVERY
"""All of them."""
