; `DEFINE_X(name) {…}` and `struct __packed name {…}` look like functions to the grammar. A declarator may be wrapped in pointers and parentheses; macros before or in place of a type leave errors around it.
(function_definition declarator: (function_declarator declarator: [(identifier) @name (parenthesized_declarator (identifier) @name)])) @function
(function_definition declarator: (pointer_declarator declarator: [(function_declarator declarator: (identifier) @name) (pointer_declarator declarator: [(function_declarator declarator: (identifier) @name) (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])])) @function
[(struct_specifier name: (type_identifier) @name body: (_)) (union_specifier name: (type_identifier) @name body: (_))] @struct
(enum_specifier name: (type_identifier) @name body: (_)) @enum
(enumerator name: (identifier) @name) @constant
(type_definition declarator: [(type_identifier) @name (pointer_declarator declarator: [(type_identifier) @name (function_declarator declarator: [(type_identifier) @name (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])])]) (array_declarator declarator: (type_identifier) @name) (primitive_type) @name (function_declarator declarator: [(type_identifier) @name (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])])]) @type
(type_definition (ERROR (identifier) @name)) @type
[(preproc_def name: (identifier) @name) (preproc_function_def name: (identifier) @name)] @macro
(translation_unit (declaration declarator: [(init_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name) (pointer_declarator declarator: (identifier) @name)]) (identifier) @name (array_declarator declarator: (identifier) @name)]) @variable)
(function_definition type: (type_identifier) @word declarator: (parenthesized_declarator (identifier) @name)) @macro_made
(function_definition type: [(struct_specifier) (union_specifier)] declarator: (identifier) @name) @struct
(function_definition type: (enum_specifier) declarator: (identifier) @name) @enum
(translation_unit (declaration declarator: (parenthesized_declarator (identifier) @name)) @variable)
(translation_unit (expression_statement (call_expression function: (identifier) @word arguments: (argument_list . (identifier) @name))) @worded)
(preproc_include) @import
