/** The page's style sheet: the reader's light or dark, the system's own fonts, nothing from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --dim: #687076; --line: #e2e5e8; --page: #fff; --card: #f7f8f9; --up: #218358; --down: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8ea; --dim: #98a1a8; --line: #2c3237; --page: #131619; --card: #1a1e22; --up: #3dd68c; --down: #ff8b5e; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1rem; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.02em; }
h2 { margin: 2.5rem 0 .4rem; font-size: 1.1rem; }
header p { margin: 0; }
small { color: var(--dim); font-size: .87rem; font-weight: normal; letter-spacing: 0; }
h2 small { margin-left: .4rem; }
code { font: .9em ui-monospace, monospace; }
nav { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
nav a { display: block; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: inherit; text-decoration: none; }
nav a:hover, nav a:focus-visible { border-color: var(--dim); }
nav code { float: right; color: var(--dim); }
nav span { display: block; color: var(--dim); font-size: .87rem; }
section { overflow-x: auto; }
table { width: 100%; min-width: 44rem; border-collapse: collapse; }
th, td { padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--dim); font-size: .87rem; font-weight: normal; }
td small { display: block; }
.state { position: relative; padding-left: 1.1rem; }
.state i { position: absolute; left: 0; top: .8rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.dim { color: var(--dim); }
i { display: inline-block; width: .55rem; height: .55rem; margin-right: .5rem; border-radius: 50%; }
.up { background: var(--up); }
.down { background: var(--down); }
@media (max-width: 46rem) {
  body { padding: 1.5rem 1rem 3rem; }
  table { min-width: 0; }
  table, tbody, th, td { display: block; }
  thead { display: none; }
  tr { display: flex; flex-wrap: wrap; gap: 0 .75rem; padding: .35rem 0; border-bottom: 1px solid var(--line); }
  th, td { padding: 0; border: 0; }
  code { overflow-wrap: anywhere; }
  .wide, .section { flex-basis: 100%; }
  .section { order: 1; }
  .grows { flex: 1; }
  .number { text-align: left; }
  .number::after { content: ' series'; }
  td.state { padding-left: 1.1rem; }
  .state i { top: .45rem; }
}
`;
