; Definitions are calls; which of them are is told by their first word, in `parse`.
(call target: (identifier) @word (arguments . [(call target: (identifier) @name) (identifier) @name (alias) @name (binary_operator left: [(call target: (identifier) @name) (identifier) @name])])) @worded
(unary_operator operand: (call target: (identifier) @word (arguments . (binary_operator left: [(call target: (identifier) @name) (identifier) @name])))) @worded
