"""The rules of the SAM specification and of SAMtags, which hold for alignments as text and as BAM."""

from __future__ import annotations

from ..findings import Code, Severity

__all__ = [
    "CIGAR",
    "CIGAR_ADJACENT",
    "CIGAR_CLIP",
    "CIGAR_LENGTH",
    "CIGAR_ZERO",
    "COLUMNS",
    "FLAG",
    "FLAG_MAPPED",
    "FLAG_RESERVED",
    "FLAG_UNMAPPED",
    "FLAG_UNPAIRED",
    "LAST_LINE",
    "MAPQ",
    "MATE",
    "NEXT_BEYOND",
    "NEXT_SAME",
    "ORDER",
    "ORDER_GROUPS",
    "ORDER_NAMES",
    "PNEXT",
    "POS",
    "POS_BEYOND",
    "QNAME",
    "QUAL",
    "QUAL_LENGTH",
    "RECORD_CODES",
    "RNAME",
    "RNAME_UNKNOWN",
    "RNEXT",
    "RNEXT_UNKNOWN",
    "SEQ",
    "TAG",
    "TAG_ARRAY",
    "TAG_CHIMERIC",
    "TAG_CONTENT",
    "TAG_DIFFERS",
    "TAG_DUPLICATE",
    "TAG_GROUP",
    "TAG_GROUP_ABSENT",
    "TAG_LENGTH",
    "TAG_LENGTH_ADVISED",
    "TAG_MD",
    "TAG_MD_BASES",
    "TAG_MODIFIED",
    "TAG_NM",
    "TAG_NM_MD",
    "TAG_PROGRAM",
    "TAG_RANGE",
    "TAG_TYPE",
    "TLEN",
]

ERROR, WARNING = Severity.ERROR, Severity.WARNING
FIELDS, OPTIONAL, ADVICE, TAGS = "SAM 1.6, 1.4", "SAM 1.6, 1.5", "SAM 1.6, 2", "SAMtags, 1"

COLUMNS = Code("sam.record.columns", ERROR, "A record has eleven columns or more, with tabs between.", FIELDS)
LAST_LINE = Code("sam.line.unfinished", WARNING, "The last line ends with a newline; else it may have been cut off.")
QNAME = Code("sam.qname", ERROR, "A name is 1 to 254 printable characters, and @ is none of them.", FIELDS)
FLAG = Code("sam.flag", ERROR, "The flag is a number from 0 to 65535.", FIELDS)
FLAG_RESERVED = Code("sam.flag.reserved", WARNING, "Bits above 0x800 are not set.", FIELDS)
FLAG_UNPAIRED = Code(
    "sam.flag.unpaired", WARNING, "Bits that tell of the next segment mean nothing where 0x1 is not set.", FIELDS
)
FLAG_UNMAPPED = Code(
    "sam.flag.unmapped",
    WARNING,
    "A segment that 0x4 says is unmapped is not properly paired, secondary or supplementary, nor has it a CIGAR.",
    FIELDS,
)
FLAG_MAPPED = Code(
    "sam.flag.mapped", WARNING, "A segment that is mapped has a reference, a position and a CIGAR.", FIELDS
)
RNAME = Code("sam.rname", ERROR, "The reference is * or a name without brackets, quotes, commas or blanks.", FIELDS)
RNAME_UNKNOWN = Code("sam.rname.unknown", ERROR, "Where there are @SQ lines, one of them has the reference.", FIELDS)
POS = Code("sam.pos", ERROR, "The position is a number from 0 to 2147483647.", FIELDS)
POS_BEYOND = Code(
    "sam.pos.beyond", WARNING, "An alignment ends within its reference, unless that is circular.", "SAM 1.6, 2 (4.3)"
)
MAPQ = Code("sam.mapq", ERROR, "The mapping quality is a number from 0 to 255.", FIELDS)
CIGAR = Code("sam.cigar", ERROR, "The CIGAR is * or numbers, each with one of MIDNSHPX= behind it.", FIELDS)
CIGAR_CLIP = Code("sam.cigar.clip", ERROR, "H stands at the ends only, and S has nothing but H outside it.", FIELDS)
CIGAR_LENGTH = Code("sam.cigar.length", ERROR, "M, I, S, = and X together are as long as the sequence.", FIELDS)
CIGAR_ZERO = Code("sam.cigar.zero", WARNING, "No operation of a CIGAR has the length 0.", FIELDS)
CIGAR_ADJACENT = Code("sam.cigar.adjacent", WARNING, "Operations side by side differ.", "SAM 1.6, 2 (2)")
RNEXT = Code("sam.rnext", ERROR, "The next segment's reference is *, =, or a name as the reference is.", FIELDS)
RNEXT_UNKNOWN = Code("sam.rnext.unknown", ERROR, "Where there are @SQ lines, one has the next reference.", FIELDS)
NEXT_SAME = Code("sam.rnext.same", WARNING, "The next segment's reference is = where both are the same.", FIELDS)
PNEXT = Code("sam.pnext", ERROR, "The next segment's position is a number from 0 to 2147483647.", FIELDS)
NEXT_BEYOND = Code("sam.pnext.beyond", WARNING, "The next segment's position is within its reference.", FIELDS)
TLEN = Code("sam.tlen", ERROR, "The template's length is a number from -2147483647 to 2147483647.", FIELDS)
SEQ = Code("sam.seq", ERROR, "The sequence is * or letters, = and dots.", FIELDS)
QUAL = Code("sam.qual", ERROR, "The qualities are * or characters from ! to ~, one for each base.", FIELDS)
QUAL_LENGTH = Code("sam.qual.length", ERROR, "There are as many qualities as bases.", FIELDS)
MATE = Code("sam.mate", WARNING, "Segments of one template say of each other where and how they are mapped.", FIELDS)
ORDER = Code("sam.order.coordinate", ERROR, "Records are in the order that @HD SO says.", "SAM 1.6, 1.3")
ORDER_NAMES = Code(
    "sam.order.queryname", WARNING, "Records sorted by name are in lexicographical or in natural order.", "SAM 1.6, 1.3"
)
TAG = Code("sam.tag", ERROR, "An optional field is TAG:TYPE:VALUE, its value as its type asks.", OPTIONAL)
TAG_DUPLICATE = Code("sam.tag.duplicate", ERROR, "No tag stands twice in a record.", OPTIONAL)
TAG_RANGE = Code("sam.tag.range", ERROR, "An integer is one that BAM can hold, from -2^31 to 2^32 - 1.", OPTIONAL)
TAG_ARRAY = Code("sam.tag.array", ERROR, "The numbers of an array are of its type, and within its range.", OPTIONAL)
TAG_TYPE = Code("sam.tag.type", WARNING, "A predefined tag has its type.", TAGS)
TAG_CONTENT = Code("sam.tag.content", ERROR, "A predefined tag's value has the form that is defined for it.", TAGS)
TAG_GROUP = Code(
    "sam.tag.group", ERROR, "Where there are @RG lines, RG, LB and PU name what one of them has.", "SAMtags, 1.2"
)
TAG_GROUP_ABSENT = Code("sam.tag.group.absent", WARNING, "A read group has an @RG line.", "SAM 1.6, 2 (1.3)")
TAG_PROGRAM = Code("sam.tag.program", WARNING, "PG names the ID of an @PG line.", "SAMtags, 1.2")
TAG_LENGTH = Code("sam.tag.length", ERROR, "A tag has the length of what it belongs to.", TAGS)
TAG_LENGTH_ADVISED = Code(
    "sam.tag.length.barcode", WARNING, "The qualities of a barcode are as many as its bases.", "SAMtags, 1.3"
)
TAG_MODIFIED = Code(
    "sam.tag.modifications", ERROR, "ML has a number for each modification of MM, and none is beyond the read.",
    "SAMtags, 1.7",
)  # fmt: skip
TAG_DIFFERS = Code("sam.tag.mn", WARNING, "MN is the length of the sequence, else MM is out of date.", "SAMtags, 1.7")
TAG_NM = Code("sam.tag.nm", WARNING, "NM counts each inserted and deleted base.", "SAMtags, 1.1")
TAG_NM_MD = Code(
    "sam.tag.nm.md", WARNING, "NM is the mismatches that MD has, and each inserted and deleted base.", "SAMtags, 1.1"
)
TAG_MD = Code("sam.tag.md", ERROR, "MD is of as many aligned and as many deleted bases as the CIGAR.", "SAMtags, 1.1")
TAG_MD_BASES = Code("sam.tag.md.bases", WARNING, "The bases of MD differ from those of the sequence.", "SAMtags, 1.1")
TAG_CHIMERIC = Code(
    "sam.tag.sa", WARNING, "SA is of references that the header has, and of places in them.", "SAMtags, 1.1"
)
ORDER_GROUPS = Code("sam.order.group", ERROR, "Records that @HD GO says are grouped are side by side.", "SAM 1.6, 1.3")

RECORD_CODES = (
    COLUMNS, LAST_LINE, QNAME, FLAG, FLAG_RESERVED, FLAG_UNPAIRED, FLAG_UNMAPPED, FLAG_MAPPED, RNAME, RNAME_UNKNOWN,
    POS, POS_BEYOND, MAPQ, CIGAR, CIGAR_CLIP, CIGAR_LENGTH, CIGAR_ZERO, CIGAR_ADJACENT, RNEXT, RNEXT_UNKNOWN,
    NEXT_SAME, PNEXT, NEXT_BEYOND, TLEN, SEQ, QUAL, QUAL_LENGTH, MATE, ORDER, ORDER_NAMES, TAG, TAG_DUPLICATE,
    TAG_RANGE, TAG_ARRAY, TAG_TYPE, TAG_CONTENT, TAG_GROUP, TAG_GROUP_ABSENT, TAG_PROGRAM, TAG_LENGTH,
    TAG_LENGTH_ADVISED, TAG_MODIFIED, TAG_DIFFERS, TAG_NM, TAG_NM_MD, TAG_MD, TAG_MD_BASES, TAG_CHIMERIC, ORDER_GROUPS,
)  # fmt: skip
"""All of them."""
