"""Exchange: provenance as others write it, in and out, and what a format could not hold, said in so many words.

documents   PROV-N, PROV-JSON, PROV-XML, and PROV-O as Turtle, TriG, N-Triples and JSON-LD
crates      RO-Crate 1.2 and 1.3, with the profiles of runs
lineage     events of OpenLineage
package     the documents of the Python package ``prov``

Whatever is written is read again and compared, and ``Written.lost`` is what differs.  Nothing is ever fetched, neither
contexts nor schemas nor files, and what is read leads to no other file than itself.
"""
