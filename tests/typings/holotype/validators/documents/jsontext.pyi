from validators.documents.jsontext import *
