"""How the HTML report looks, light and dark, on screens and on paper."""

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #202124; --soft: #5f6368;
  --line: #dadce0; --card: #f6f7f9; --good: #0b6b43; --bad: #b3261e; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --page: #15171a; --ink: #e8eaed; --soft: #a5abb3;
  --line: #3c4043; --card: #1f2226; --good: #5ad19a; --bad: #ff8a80; --warn: #ffca66; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.2rem 4rem; max-width: 76rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0.2rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 0.6rem; border-bottom: 1px solid var(--line);
  padding-bottom: 0.25rem; }
p { margin: 0.4rem 0; max-width: 60rem; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.verdict { display: inline-block; padding: 0.25rem 0.8rem; border-radius: 0.4rem; font-weight: 700;
  border: 2px solid currentColor; letter-spacing: 0.03em; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.reasons { border-left: 4px solid var(--bad); background: var(--card); padding: 0.6rem 1rem;
  margin: 0.8rem 0; list-style-position: inside; }
.facts { display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 1rem 0; padding: 0; }
.facts div { background: var(--card); border-radius: 0.5rem; padding: 0.6rem 0.9rem;
  min-width: 8.5rem; }
.facts dt { color: var(--soft); font-size: 0.82rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
tr.bad td:first-child { font-weight: 700; }
figure { margin: 1rem 0; background: var(--page); }
figure svg { max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 0.88rem; }
pre { background: var(--card); padding: 0.8rem 1rem; border-radius: 0.5rem; overflow-x: auto;
  font-size: 0.85rem; }
nav a { color: inherit; margin-right: 1rem; }
@media print { body { max-width: none; } nav { display: none; } figure, table
  { break-inside: avoid; } }
"""
