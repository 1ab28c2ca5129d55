"""How the page of the API looks: light and dark as the reader has it, on a desk and on a phone."""

STYLE = """
:root { color-scheme: light dark; --text: #1c2230; --mute: #5b6579; --line: #e3e7ee; --page: #fff; --side: #f7f8fb;
  --code: #f3f5f9; --link: #2558c9; --get: #1d6fd1; --post: #1c7c4a; --put: #a15c07; --patch: #7a48b5;
  --delete: #c0323c; --must: #b3420f; }
@media (prefers-color-scheme: dark) {
  :root { --text: #dfe4ee; --mute: #97a1b5; --line: #2a3140; --page: #12161e; --side: #171c26; --code: #1d2330;
    --link: #82acff; --get: #79b5ff; --post: #6fd39c; --put: #efb25d; --patch: #c5a1f5; --delete: #ff8f93;
    --must: #ffa471; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 0 0 19rem; background: var(--page); color: var(--text);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
code { background: var(--code); padding: .1em .35em; border-radius: 4px; overflow-wrap: anywhere; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto;
  line-height: 1.5; font-size: .82rem; }
pre code { background: none; padding: 0; font-size: 1em; overflow-wrap: normal; }
small { font-size: .82em; color: var(--mute); } p { margin: .5rem 0; }
.skip, #menu { position: absolute; opacity: 0; pointer-events: none; }
.skip:focus { position: fixed; z-index: 2; opacity: 1; background: var(--page); padding: .5rem 1rem; }
label[for=menu] { display: none; }
nav { position: fixed; inset: 0 auto 0 0; width: 19rem; overflow-y: auto; padding: 1.4rem 1.1rem 3rem;
  background: var(--side); border-right: 1px solid var(--line); font-size: .875rem; line-height: 1.35; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav .brand { font-size: 1.1rem; font-weight: 700; margin: 0 0 1rem; } nav a { color: inherit; }
nav h2 { font-size: .74rem; letter-spacing: .07em; text-transform: uppercase; color: var(--mute);
  margin: 1.3rem 0 .3rem; }
nav li a { display: flex; gap: .55rem; align-items: baseline; padding: .22rem .45rem; margin: 0 -.45rem;
  border-radius: 5px; }
nav li a:hover { background: var(--code); text-decoration: none; }
nav .verb { flex: none; width: 3.1rem; font-size: .66rem; }
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 2.5rem 8rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 1rem; }
section > h2 { font-size: 1.5rem; letter-spacing: -.01em; margin: 3.5rem 0 .4rem; }
h3 { font-size: 1.13rem; line-height: 1.35; margin: 0; } h3 a { color: inherit; }
h4 { font-size: .78rem; letter-spacing: .06em; text-transform: uppercase; color: var(--mute); margin: 1.4rem 0 .3rem; }
h4 small { text-transform: none; letter-spacing: 0; font-weight: 400; font-size: .85rem; }
article { border: 1px solid var(--line); border-radius: 12px; padding: 1.3rem 1.5rem; margin: 1.2rem 0; }
article:target { border-color: var(--link); }
.verb { font: 700 .74rem/1.6 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; letter-spacing: .03em; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); } .patch { color: var(--patch); }
.delete { color: var(--delete); }
.path { display: flex; gap: .7rem; align-items: baseline; margin: .35rem 0; }
.path code { background: none; padding: 0; } .path i { color: var(--link); font-style: normal; }
.path .verb { border: 1px solid; border-radius: 5px; padding: 0 .5em; }
.who { color: var(--mute); font-size: .93rem; }
.fields, .answers { list-style: none; margin: 0; padding: 0; }
.fields li { padding: .5rem 0; border-top: 1px solid var(--line); }
.fields > li:first-child { border-top: 0; }
.fields p { margin: .1rem 0 0; font-size: .94rem; } .fields p small { display: block; }
.name { font-weight: 600; background: none; padding: 0; }
.type { color: var(--mute); font-size: .85rem; margin-left: .3rem; }
.must { color: var(--must); font-style: normal; font-size: .8rem; margin-left: .4rem; }
details > summary { cursor: pointer; color: var(--link); font-size: .85rem; width: fit-content; }
details > .fields { border-left: 2px solid var(--line); margin: .3rem 0 .2rem .2rem; padding-left: 1rem; }
.answers li { display: flex; gap: .9rem; align-items: baseline; padding: .3rem 0; border-top: 1px solid var(--line); }
.answers li:first-child { border-top: 0; } .answers p { margin: 0; font-size: .94rem; }
.shared { margin-top: .5rem; } .shared summary { color: var(--mute); } .shared summary .status { font-weight: 400; }
.status { flex: none; min-width: 2.2rem;
  font: 700 .82rem/1.6 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.s2 { color: var(--post); } .s3 { color: var(--get); } .s4 { color: var(--put); } .s5 { color: var(--delete); }
.rules { margin: .4rem 0; padding-left: 1.2rem; color: var(--mute); font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .94rem; margin: .8rem 0; }
th { text-align: left; font-size: .82rem; color: var(--mute); font-weight: 600; }
td code { white-space: nowrap; }
th, td { padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.rights td + td, .rights th + th { text-align: center; } .rights td + td { color: var(--post); }
@media (max-width: 60rem) {
  body { margin: 0; }
  label[for=menu] { display: block; position: sticky; top: 0; z-index: 1; padding: .7rem 1.1rem; cursor: pointer;
    background: var(--side); border-bottom: 1px solid var(--line); font-weight: 600; }
  label[for=menu]::before { content: "☰"; margin-right: .7rem; }
  #menu:focus-visible + label { outline: 2px solid var(--link); outline-offset: -2px; }
  html { scroll-padding-top: 3.6rem; }
  nav { display: none; position: static; width: auto; border: 0; border-bottom: 1px solid var(--line); }
  #menu:checked ~ nav { display: block; }
  main { padding: 1.5rem 1.1rem 5rem; } article { padding: 1.1rem 1rem; border-radius: 10px; }
  h1 { font-size: 1.7rem; } section > h2 { margin-top: 2.5rem; }
  pre { margin-left: -1rem; margin-right: -1rem; border-radius: 0; border-width: 1px 0; }
}
@media print { nav, label[for=menu] { display: none; } body { margin: 0; } }
"""
