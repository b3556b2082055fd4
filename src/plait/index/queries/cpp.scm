; `DEFINE_X(name) {…}` and `struct __packed name {…}` look like functions to the grammar. A declarator may be wrapped in pointers and references; `Foo::bar` is a method of Foo.
(function_definition declarator: [(function_declarator declarator: (_) @name) (pointer_declarator declarator: [(function_declarator declarator: (_) @name) (pointer_declarator declarator: (function_declarator declarator: (_) @name))]) (reference_declarator (function_declarator declarator: (_) @name))]) @function
(function_definition declarator: (operator_cast) @name) @function
(field_declaration declarator: [(function_declarator declarator: (field_identifier) @name) (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name)) (reference_declarator (function_declarator declarator: (field_identifier) @name))]) @method
(class_specifier name: (_) @name body: (_)) @class
[(struct_specifier name: (_) @name body: (_)) (union_specifier name: (_) @name body: (_))] @struct
(enum_specifier name: (_) @name body: (_)) @enum
(enumerator name: (identifier) @name) @constant
(namespace_definition name: (_) @name) @module
(concept_definition name: (_) @name) @type
(alias_declaration name: (_) @name) @type
(type_definition declarator: [(type_identifier) @name (pointer_declarator declarator: [(type_identifier) @name (function_declarator declarator: [(type_identifier) @name (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])])]) (array_declarator declarator: (type_identifier) @name) (primitive_type) @name (function_declarator declarator: [(type_identifier) @name (parenthesized_declarator [(type_identifier) @name (pointer_declarator declarator: (type_identifier) @name)])])]) @type
[(preproc_def name: (identifier) @name) (preproc_function_def name: (identifier) @name)] @macro
(translation_unit (declaration declarator: [(init_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name) (pointer_declarator declarator: (identifier) @name)]) (identifier) @name (array_declarator declarator: (identifier) @name)]) @variable)
(declaration_list (declaration declarator: (init_declarator declarator: [(identifier) @name (array_declarator declarator: (identifier) @name)])) @variable)
(function_definition type: (type_identifier) @word declarator: (parenthesized_declarator (identifier) @name)) @macro_made
(function_definition type: [(struct_specifier) (union_specifier)] declarator: (identifier) @name) @struct
(function_definition type: (enum_specifier) declarator: (identifier) @name) @enum
(translation_unit (declaration declarator: (parenthesized_declarator (identifier) @name)) @variable)
(translation_unit (expression_statement (call_expression function: (identifier) @word arguments: (argument_list . (identifier) @name))) @worded)
(preproc_include) @import
