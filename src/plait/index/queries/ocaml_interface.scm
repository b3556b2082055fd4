; What an interface declares.
(value_specification (value_name) @name) @function
(external (value_name) @name) @function
(type_binding name: (_) @name) @type
(constructor_declaration (constructor_name) @name) @constant
(exception_definition (constructor_declaration (constructor_name) @name)) @constant
(module_type_definition (module_type_name) @name) @interface
(open_module) @import
(module_binding (module_name) @name) @module
