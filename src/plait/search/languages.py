"""What a line that defines something looks like, language by language. Data; `definitions` reads it.

Kinds with a `?` are weak: right more often than not, since locals, fields and prototypes look the same.
"""

from __future__ import annotations

Rows = tuple[tuple[str, str], ...]
"""(kind, pattern): a `?` behind a kind marks the form as weak; `NAME` in a pattern is the name."""

# Where a statement may begin, the space before it all behind, no word that only statements begin with.
NOT = (
    r"(?=\S)(?!(?:return|if|else|elif|while|for|foreach|switch|case|throw|await|yield|raise|assert|new|delete|do|goto|not|"
    r"and|or|in|is|go|defer|catch|try|unless|until|sizeof|typeof)\b)"
)
# The same where a brace ends the line: `delete(key) {` can only be a method.
JS_NOT = r"(?=\S)(?!(?:return|if|else|while|for|switch|catch|with|function|await|throw|typeof|yield|super)\b)"
JS = r"(?:(?:export|default|declare|abstract|async|public|private|protected|static|readonly|override|accessor)\s+)*"
JVM = (
    r"(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|private|protected|internal|static|abstract|final|sealed|open|override|virtual|"
    r"async|unsafe|extern|partial|data|inline|const|lateinit|suspend|readonly|synchronized|native|default|implicit|lazy|"
    r"case|value|annotation|inner|operator|infix|tailrec|required|ref|volatile|transient|strictfp|fileprivate|mutating|"
    r"convenience|final|dynamic|indirect|nonisolated|class(?=\s+(?:func|var)))\s+)*"
)
RUST = r"(?:pub(?:\([^)]*\))?\s+)?(?:(?:default|const|async|unsafe|extern(?:\s+\"[^\"]*\")?)\s+)*"
TYPE_BEFORE = r"[A-Za-z_][\w:<>,.\[\]?*&\s]*[\s*&\]>]"

PYTHON: Rows = (
    ("function", r"^\s*(?:async\s+)?(?:cp?)?def\s+NAME"),
    ("class", r"^\s*(?:cdef\s+)?class\s+NAME"),
    ("type", r"^type\s+NAME\b.*="),
    ("variable", r"^NAME\s*(?::[^=]+)?=(?!=)"),
    ("variable", r"^NAME\s*:\s*\S"),
    ("field?", rf"^(?:\t| {{2,4}}){NOT}NAME\s*(?::\s*[^=,)]+)?=(?!=)[^,]*[^,(]$"),
    ("field?", rf"^(?:\t| {{2,4}}){NOT}NAME\s*:\s*[\w\"'\[]"),
    ("field?", r"^\s+self\.NAME\s*(?::[^=]+)?=(?!=)"),
)
JAVASCRIPT: Rows = (
    ("function", rf"^\s*{JS}function\s*\*?\s*NAME"),
    ("class", rf"^\s*{JS}class\s+NAME"),
    ("interface", rf"^\s*{JS}interface\s+NAME"),
    ("enum", rf"^\s*{JS}(?:const\s+)?enum\s+NAME"),
    ("type", rf"^\s*{JS}type\s+NAME\s*(?:<.*)?(?:=|$)"),
    ("module", rf"^\s*{JS}(?:namespace|module)\s+[\"']?NAME"),
    (
        "function",
        rf"^{JS}(?:const|let|var)\s+NAME\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::.*)?=>|"
        rf"\w+\s*=>|<)",
    ),
    ("function?", r"^\s+(?:const|let|var)\s+NAME\s*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::.*)?=>|\w+\s*=>)"),
    ("variable", rf"^{JS}(?:const|let|var)\s+NAME\b"),
    ("variable?", r"^\s+(?:export\s+)?(?:const|let|var)\s+NAME\b"),
    ("method", r"^\s*[\w$.]+\.(?:prototype\.)?NAME\s*=\s*(?:async\s+)?function\b"),
    ("function", r"^\s*(?:module\.)?exports\.NAME\s*="),
    ("method", rf"^\s+{JS_NOT}{JS}(?:get\s+|set\s+)?\*?\s*#?NAME\s*\??(?:<[^(]*>)?\([^;]*\{{\s*$"),
    ("method", rf"^\s+{JS_NOT}{JS}(?:get\s+|set\s+)?\*?\s*#?NAME\s*\??(?:<[^(]*>)?\($"),
    ("method", rf"^\s+{JS}#?NAME\s*(?::[^=]+)?=\s*(?:async\s*)?\([^)]*\)\s*(?::.*)?=>"),
    ("method?", rf"^\s+{NOT}{JS}NAME\s*:\s*(?:async\s+)?(?:function\b|\([^)]*\)\s*=>)"),
    ("method?", rf"^\s+{NOT}{JS}NAME\s*\??(?:<[^(]*>)?\([^;]*\)\s*:\s*[^;]+;\s*$"),
    ("field?", rf"^\s+{NOT}{JS}NAME\s*[?!]?:\s*[^,]+;\s*$"),
)  # fmt: skip
GO: Rows = (
    ("method", r"^func\s+\(\s*(?:\w+\s+)?\*?(?P<owner>\w+)(?:\[[^\]]*\])?\s*\)\s*NAME\s*[\[(]"),
    ("function", r"^func\s+NAME\s*[\[(]"),
    ("struct", r"^type\s+NAME\s*(?:\[[^\]]*\]\s*)?struct\b"),
    ("interface", r"^type\s+NAME\s*(?:\[[^\]]*\]\s*)?interface\b"),
    ("type", r"^type\s+NAME\b"),
    ("type", r"^\tNAME\s+(?:struct\s*\{|interface\s*\{|func\s*\([^{]*$)"),
    ("constant", r"^const\s+NAME\b"),
    ("variable", r"^var\s+NAME\b"),
    ("constant?", r"^\tNAME\s*(?:[\w.\[\]*]+\s*)?=(?!=)"),
    ("method?", r"^\tNAME\([^)]*\)\s*[\w.*\[\](), ]*$"),
    ("field?", r"^\tNAME\s+[\w.*\[\]]+(?:\s+`.*)?$"),
)
RUST_ITEMS: Rows = (
    ("function", rf"^\s*{RUST}fn\s+NAME"),
    ("struct", rf"^\s*{RUST}(?:struct|union)\s+NAME"),
    ("enum", rf"^\s*{RUST}enum\s+NAME"),
    ("interface", rf"^\s*{RUST}trait\s+NAME"),
    ("type", rf"^\s*{RUST}type\s+NAME"),
    ("module", rf"^\s*{RUST}mod\s+NAME"),
    ("macro", r"^\s*macro_rules!\s*NAME"),
    ("constant", rf"^\s*{RUST}(?:const|static)\s+(?:mut\s+)?NAME\s*:"),
    ("field?", r"^\s+(?:pub(?:\([^)]*\))?\s+)?NAME\s*:\s*[^:].*,$"),
)
JAVA: Rows = (
    ("class", rf"^\s*{JVM}class\s+NAME"),
    ("interface", rf"^\s*{JVM}(?:@?interface|protocol|trait)\s+NAME"),
    ("enum", rf"^\s*{JVM}enum\s+(?:class\s+|struct\s+)?NAME"),
    ("struct", rf"^\s*{JVM}(?:struct|record(?:\s+(?:class|struct))?|actor)\s+NAME"),
    ("module", rf"^\s*{JVM}(?:namespace|object|package\s+object|companion\s+object)\s+(?:[\w.]+\.)?NAME"),
    ("type", rf"^\s*{JVM}(?:typealias|type|delegate\s+\S+|associatedtype)\s+NAME"),
    ("class", r"^\s*extension\s+NAME"),
    ("function", rf"^\s*{JVM}(?:fun|func|def)\s+(?:<[^>]*>\s*)?(?:(?P<owner>\w+)(?:<[^>]*>)?\.)?NAME"),
    ("variable", rf"^{JVM}(?:val|var|let)\s+NAME"),
    ("field?", rf"^\s+{JVM}(?:val|var|let)\s+NAME"),
    ("constant", rf"^\s+{NOT}{JVM}[\w<>,.\[\]?]+\s+(?P<name>[A-Z][A-Z0-9_]+)\s*=(?!=)"),
    ("method", r"^\s*(?:public|private|protected|internal)\s+NAME\s*\("),
    (
        "method",
        rf"^\s+{NOT}{JVM}(?:<[^>]+>\s+)?[\w<>,.\[\]?]+(?:\s*<.*>)?\s+NAME\s*(?:<[^>]*>)?\([^;=]*(?:\{{.*|=>.*)?"
        rf"$",
    ),
    ("method?", rf"^\s+{NOT}{JVM}(?:<[^>]+>\s+)?[\w<>,.\[\]?]+(?:\s*<.*>)?\s+NAME\s*(?:<[^>]*>)?\([^;]*\).*;$"),
    ("field?", rf"^\s+{NOT}{JVM}[\w<>,.\[\]?]+\s+NAME\s*(?:=(?!=)|;|\{{\s*get)"),
)  # fmt: skip
C: Rows = (
    ("macro", r"^\s*#\s*define\s+NAME"),
    (
        "struct",
        r"^\s*(?:typedef\s+)?(?:template\s*<.*>\s*)?(?:struct|union)\s+(?:[A-Z_]+\s+|\[\[.*\]\]\s*|"
        r"__attribute__\(\(.*\)\)\s*)?NAME\s*(?:final\s*)?(?::[^:].*)?\{?\s*$",
    ),
    (
        "class",
        r"^\s*(?:template\s*<.*>\s*)?class\s+(?:[A-Z_]+\s+|\[\[.*\]\]\s*)?NAME\s*(?:final\s*)?(?::[^:].*)?"
        r"\{?\s*$",
    ),
    ("enum", r"^\s*(?:typedef\s+)?enum\s+(?:class\s+|struct\s+)?NAME\s*(?::[^:].*)?(?:\{.*)?$"),
    ("module", r"^\s*(?:inline\s+)?namespace\s+(?:\w+::)*NAME"),
    ("type", r"^\s*typedef\b.*?[\s*(]NAME\s*\)?\s*(?:\([^)]*\)|\[[^\]]*\])?\s*;"),
    ("type", r"^\}\s*NAME\s*;"),
    ("type", r"^\s*(?:template\s*<.*>\s*)?using\s+NAME\s*="),
    ("interface", r"^@(?:interface|protocol|implementation)\s+NAME"),
    ("method", rf"^{NOT}(?:{TYPE_BEFORE})?(?:\w+::)*(?P<owner>\w+)(?:<[^>]*>)?::~?NAME\s*\([^;]*$"),
    ("function", rf"^{NOT}(?!typedef\b|using\b|#){TYPE_BEFORE}NAME\s*\([^;]*(?:\{{.*)?$"),
    ("function", r"^NAME\s*\([^;]*$"),
    ("function?", r"^NAME\s*$"),
    ("method?", rf"^(?: {{2,4}}|\t){NOT}NAME\s*\([^;]*(?:\)\s*(?:const)?\s*(?:\{{.*)?|,)$"),
    ("method", rf"^\s+{NOT}(?!typedef\b|using\b){TYPE_BEFORE}~?NAME\s*\([^;]*\)[\w\s]*(?:->.*)?\{{.*$"),
    ("declaration?", rf"^\s*{NOT}(?!typedef\b|using\b){TYPE_BEFORE}~?NAME\s*\([^;=]*\)[\w\s()=]*;\s*$"),
    (
        "variable",
        r"^(?:static\s+|const\s+|constexpr\s+|inline\s+|extern\s+|volatile\s+)*[A-Za-z_][\w:<>*&\s]*[\s*"
        r"&]NAME\s*(?:\[[^=]*\]\s*)?=(?!=)",
    ),
    ("field?", rf"^\s+{NOT}[A-Za-z_][\w:<>,*&\s]*[\s*&]NAME\s*(?:\[[^\]]*\])?(?:\s*:\s*\d+)?\s*;"),
    ("constant?", r"^\s+(?P<name>[A-Z][A-Z0-9_]+)\s*(?:=[^=].*)?,\s*(?:/[/*].*)?$"),
)  # fmt: skip
RUBY: Rows = (
    ("function", r"^\s*def\s+(?:(?:self|[A-Z]\w*)\.)?NAME"),
    ("class", r"^\s*class\s+(?:\w+::)*NAME"),
    ("module", r"^\s*module\s+(?:\w+::)*NAME"),
    ("constant", r"^\s*(?P<name>[A-Z]\w*)\s*=(?!=)"),
    (
        "field?",
        r"^\s*(?:attr_(?:accessor|reader|writer)|scope|has_many|belongs_to|alias_method|define_method)\s*\(?:?NAME",
    ),
)
PHP: Rows = (
    ("function", r"^\s*(?:(?:public|private|protected|static|abstract|final)\s+)*function\s+&?\s*NAME"),
    ("class", r"^\s*(?:(?:abstract|final|readonly)\s+)*class\s+NAME"),
    ("interface", r"^\s*(?:interface|trait)\s+NAME"),
    ("enum", r"^\s*enum\s+NAME"),
    ("constant", r"^\s*(?:(?:public|private|protected|final)\s+)*const\s+(?:\w+\s+)?NAME\s*="),
    ("constant", r"^\s*define\(\s*[\"']NAME"),
    ("field?", r"^\s*(?:(?:public|private|protected|static|readonly|var)\s+)+(?:[?\w|\\]+\s+)?\$NAME"),
)
SHELL: Rows = (
    ("function", r"^\s*(?:function\s+)(?P<name>[\w:.-]+)"),
    ("function", r"^\s*(?P<name>[A-Za-z_][\w:.-]*)\s*\(\)"),
    ("variable", r"^(?:export\s+|readonly\s+|declare\s+(?:-\w+\s+)?|typeset\s+(?:-\w+\s+)?)?NAME="),
    ("variable?", r"^\s*alias\s+NAME="),
)
LUA: Rows = (
    ("function", r"^\s*(?:local\s+)?function\s+(?:(?P<owner>\w+)[.:])?NAME\s*\("),
    ("function", r"^\s*(?:local\s+)?(?:(?P<owner>\w+)[.:])?NAME\s*=\s*function\b"),
    ("variable", r"^(?:local\s+)?NAME\s*="),
)
ELIXIR: Rows = (
    ("function", r"^\s*defp?\s+NAME"),
    ("macro", r"^\s*defmacrop?\s+NAME"),
    ("module", r"^\s*def(?:module|protocol|impl)\s+(?:[\w]+\.)*NAME"),
    ("type", r"^\s*@(?:type|opaque|callback)\s+NAME"),
)
HASKELL: Rows = (
    ("type", r"^(?:data|newtype|type(?:\s+family)?)\s+(?:.*=>\s*)?NAME"),
    ("interface", r"^class\s+(?:.*=>\s*)?NAME"),
    ("function", r"^(?P<name>[a-z_][\w']*)\s*::"),
    ("function?", r"^(?P<name>[a-z_][\w']*)\s+[^=]*="),
)
OCAML: Rows = (
    ("function", r"^\s*(?:let|and|val|external)\s+(?:rec\s+)?(?P<name>[a-z_][\w']*)"),
    ("type", r"^\s*(?:type|and|exception)\s+(?:nonrec\s+)?(?:'\w+\s+|\([^)]*\)\s+)?NAME"),
    ("module", r"^\s*module\s+(?:type\s+|rec\s+)?NAME"),
    ("class", r"^\s*class\s+(?:virtual\s+)?NAME"),
)
PERL: Rows = (
    ("function", r"^\s*sub\s+NAME"),
    ("module", r"^\s*package\s+(?:\w+::)*NAME"),
    ("constant", r"^\s*use\s+constant\s+\{?\s*NAME"),
)
POWERSHELL: Rows = (
    ("function", r"(?i)^\s*(?:function|filter)\s+(?P<name>[\w:-]+)"),
    ("class", r"(?i)^\s*(?:class|enum)\s+NAME"),
)
SQL: Rows = (
    (
        "type",
        r"(?i)^\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view|type|index|materialized\s+"
        r"view)\s+(?:if\s+not\s+exists\s+)?[\"`\[]?(?:\w+\.)?NAME",
    ),
    ("function", r"(?i)^\s*create\s+(?:or\s+replace\s+)?(?:function|procedure|trigger)\s+[\"`\[]?(?:\w+\.)?NAME"),
)  # fmt: skip
PROTO: Rows = (
    ("struct", r"^\s*(?:message|service)\s+NAME"),
    ("enum", r"^\s*enum\s+NAME"),
    ("function", r"^\s*rpc\s+NAME"),
)
# Languages without a table of their own: a keyword that most of them share, then the name.
OTHER: Rows = (
    (
        "function",
        r"^\s*(?:(?:pub|public|private|export|static|local)\s+)*(?:def|fn|func|fun|function|proc|procedure|"
        r"sub|method)\s+NAME",
    ),
    (
        "class",
        r"^\s*(?:(?:pub|public|export|abstract)\s+)*(?:class|struct|trait|interface|enum|record|contract)\s+"
        r"NAME",
    ),
    ("module", r"^\s*(?:module|namespace|package)\s+NAME"),
    ("macro", r"^\s*(?:macro|#\s*define)\s+NAME"),
    ("type", r"^\s*type\s+NAME"),
)  # fmt: skip

EXTENSIONS: dict[str, Rows] = {
    extension: rows
    for rows, extensions in (
        (PYTHON, "py pyi pyx pxd"),
        (JAVASCRIPT, "js jsx mjs cjs ts tsx mts cts vue svelte"),
        (GO, "go"),
        (RUST_ITEMS, "rs"),
        (JAVA, "java kt kts swift scala cs groovy dart"),
        (C, "c h cc cpp cxx c++ hh hpp hxx inl ipp tcc cu cuh m mm ino"),
        (RUBY, "rb rake gemspec"),
        (PHP, "php"),
        (SHELL, "sh bash zsh ksh bats"),
        (LUA, "lua"),
        (ELIXIR, "ex exs"),
        (HASKELL, "hs"),
        (OCAML, "ml mli"),
        (PERL, "pl pm"),
        (POWERSHELL, "ps1 psm1"),
        (SQL, "sql"),
        (PROTO, "proto thrift"),
        (OTHER, "jl nim zig cr d f90 pas vb clj el erl fs fsx v sv tcl r sol gd hx coffee jai odin adb ads awk"),
    )
    for extension in extensions.split()
}
# Those where an indented `function` belongs to a type. In the others a nested function is just that.
METHODS_BY_INDENT = (PYTHON, RUBY, RUST_ITEMS, JAVA, PHP)
