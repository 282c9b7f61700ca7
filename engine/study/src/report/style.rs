//! How the page looks.

/// The page's style: light by default, dark where the reader asks for it, and always light on paper.
pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fff;--raise:#f4f5f6;--i1:#16181a;--i2:#454b52;--i3:#666d75;--ln:#d5d9dd;--warn:#8a5d00;--err:#b3261e;--ok:#1d6f42}
@media (prefers-color-scheme:dark){:root{--bg:#131416;--raise:#1b1d20;--i1:#e3e6e8;--i2:#afb5bb;--i3:#8b929a;--ln:#33373c;--warn:#e9bb54;--err:#ff8f80;--ok:#8fcba2}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--i1);font:14px/1.5 'IBM Plex Sans',system-ui,'Segoe UI',Helvetica,Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:824px;margin:0 auto;padding:28px 32px 64px}
h1{font-size:22px;line-height:1.3;font-weight:600;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;font-weight:600;margin:40px 0 8px;padding-top:14px;border-top:1px solid var(--ln)}
h3{font-size:14px;font-weight:600;margin:24px 0 6px;overflow-wrap:anywhere}
p{margin:6px 0 10px;max-width:76ch}
.sub{color:var(--i2);margin:0 0 14px}
.cap,figcaption{color:var(--i3);font-size:12.5px;line-height:1.45;margin:6px 0 0;max-width:90ch}
.badge{display:inline-block;border:1px solid var(--warn);color:var(--warn);border-radius:3px;font-size:12px;font-weight:600;letter-spacing:.04em;padding:1px 8px;vertical-align:3px;margin-left:10px;white-space:nowrap}
.banner{border:1px solid var(--warn);border-radius:8px;padding:10px 14px;margin:14px 0}
.banner b{color:var(--warn)}
.main{background:var(--raise);border-radius:8px;padding:12px 16px;margin:16px 0}
.main p{margin:4px 0}
figure{margin:18px 0 22px}
figure h3{margin:0 0 10px}
svg.fig{display:block;max-width:100%;height:auto;font-family:inherit}
.i1{fill:var(--i1)}.i2{fill:var(--i2)}.i3{fill:var(--i3)}.ln{fill:var(--ln)}.gr{fill:var(--bg)}
.i1s{stroke:var(--i1)}.i2s{stroke:var(--i2)}.i3s{stroke:var(--i3)}.lns{stroke:var(--ln)}.grs{stroke:var(--bg)}
.wide{overflow-x:auto;margin:20px 0 8px}
table{border-collapse:collapse;width:100%;font-size:13px}
caption{text-align:left;font-weight:600;padding:0 0 4px}
th{font-weight:500;color:var(--i2);text-align:left;vertical-align:bottom;border-bottom:1px solid var(--i3);padding:4px 14px 4px 0}
td{border-bottom:1px solid var(--ln);padding:4px 14px 4px 0;vertical-align:top;overflow-wrap:break-word}
td.name{white-space:nowrap}
td:first-child{min-width:6em}
th.r,td.r{text-align:right;white-space:nowrap}
th.r{white-space:normal}
th:last-child,td:last-child{padding-right:0}
tr.sum td{font-weight:600}
tr.group td{font-weight:600;padding-top:12px;border-bottom-color:var(--i3)}
ul{padding-left:18px;margin:6px 0 12px;max-width:76ch}
li{margin:3px 0}
.checks{list-style:none;padding:0}
.checks b{display:inline-block;min-width:56px;font-weight:600}
.ok{color:var(--ok)}.bad{color:var(--err)}
code{font-family:ui-monospace,'IBM Plex Mono',Menlo,Consolas,monospace;font-size:11px;overflow-wrap:anywhere}
.nav{color:var(--i3);font-size:12.5px}
.nav a{color:inherit}
@media print{:root{--bg:#fff;--raise:#f4f5f6;--i1:#000;--i2:#333;--i3:#555;--ln:#ccc;--warn:#6b4800;--err:#8c1d18;--ok:#14532f}
body{font-size:10pt}main{max-width:none;padding:0}.nav{display:none}h2,h3,caption{break-after:avoid}.cap{break-before:avoid}figure,tr,.main,.banner{break-inside:avoid}.short{break-inside:avoid}thead{display:table-header-group}.sc,.os,.i1,.i2,.i3,.ln{print-color-adjust:exact;-webkit-print-color-adjust:exact}@page{margin:16mm}}
";
