"""Tables of what was found: each is made once, and drawn by terminal, report, site and README.

    table        what a table is: columns with their units, rows of formatted cells
    results      the subjects, the costs and the comparisons of a cell
    growth       how the memory of the subjects grew
    software     which versions the subjects are made of
    sliced       what rounds of load that switches say of the ratios
    explanation  the causes of a difference, and the subjects on the way
    schema       what differs in a schema that an ORM's own tool made
    work         how the SQL of two subjects differs, and what it costs
    markdown     a table as Markdown

``ormlab.cli.page`` draws them on a terminal, ``analysis/report/templates/table.html.j2`` as HTML.
Light to import: a command that prints one loads no library of the analysis for it.
"""

from analysis.tables.table import Cell, Column, Row, Table, columns

__all__ = ["Cell", "Column", "Row", "Table", "columns"]
