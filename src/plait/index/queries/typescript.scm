; A constant that holds a function is one; other constants and variables count at the top of a module or namespace.
[(class_declaration name: (_) @name) (abstract_class_declaration name: (_) @name)] @class
(interface_declaration name: (_) @name) @interface
(enum_declaration name: (_) @name) @enum
[(enum_assignment name: (_) @name) (enum_body name: (property_identifier) @name)] @constant
(type_alias_declaration name: (_) @name) @type
[(internal_module name: (_) @name) (module name: (_) @name)] @module
[(function_declaration name: (_) @name) (generator_function_declaration name: (_) @name) (function_signature name: (_) @name)] @function
[(method_definition name: (_) @name) (method_signature name: (_) @name) (abstract_method_signature name: (_) @name)] @method
(property_signature name: (_) @name type: (type_annotation (function_type))) @method
(public_field_definition name: (_) @name value: [(arrow_function) (function_expression)]) @method
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) @name value: (class)) @class
(class name: (_) @name) @class
[(function_expression name: (identifier) @name) (generator_function name: (identifier) @name)] @function
(pair key: [(property_identifier) (string)] @name value: [(arrow_function) (function_expression) (generator_function)]) @method
(assignment_expression left: (member_expression) @name right: [(arrow_function) (function_expression) (generator_function)]) @function
(program [(lexical_declaration (variable_declarator name: (identifier) @name) @variable) (variable_declaration (variable_declarator name: (identifier) @name) @variable)])
(export_statement declaration: [(lexical_declaration (variable_declarator name: (identifier) @name) @variable) (variable_declaration (variable_declarator name: (identifier) @name) @variable)])
(ambient_declaration [(lexical_declaration (variable_declarator name: (identifier) @name) @variable) (variable_declaration (variable_declarator name: (identifier) @name) @variable)])
(import_statement source: (string) @from) @import
(export_statement source: (string) @from) @import
