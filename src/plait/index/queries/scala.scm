(class_definition name: (_) @name) @class
(object_definition name: (_) @name) @module
(trait_definition name: (_) @name) @interface
(enum_definition name: (_) @name) @enum
[(function_definition name: (_) @name) (function_declaration name: (_) @name)] @function
(type_definition name: (_) @name) @type
(given_definition name: (_) @name) @variable
[(simple_enum_case name: (_) @name) (full_enum_case name: (_) @name)] @constant
(template_body [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @variable)
(compilation_unit [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @variable)
(import_declaration) @import
