(declarations (function name: (variable) @name) @function)
(declarations (bind name: (variable) @name) @function)
(declarations (signature name: (variable) @name) @function)
(data_type name: (_) @name) @type
(newtype name: (_) @name) @type
(type_synonym name: (_) @name) @type
(class name: (_) @name) @interface
(class_declarations (signature name: (variable) @name) @method)
(data_constructor (prefix name: (_) @name)) @constant
(data_constructor (record name: (_) @name)) @constant
(import) @import
