"""What sealed bundles say: figures, verdicts on claims, reports, and differences.

judge     results of one bundle, written into derived/
ledger    published claims, read from YAML
verdicts  what bundles say about the claims of a ledger
explain   where the difference between two subjects comes from
report    one page about a bundle
diff      what changed between two bundles
pilot     what an earlier bundle tells about a plan: detectable effects, warm-up, duration
"""
