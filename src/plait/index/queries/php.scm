(class_declaration name: (name) @name) @class
[(interface_declaration name: (name) @name) (trait_declaration name: (name) @name)] @interface
(enum_declaration name: (name) @name) @enum
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @method
(namespace_definition name: (_) @name) @module
(const_element . (name) @name) @constant
(enum_case name: (name) @name) @constant
[(namespace_use_declaration) (include_expression) (include_once_expression) (require_expression) (require_once_expression)] @import
