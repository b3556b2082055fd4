require "json"
require_relative "../lib/jobs"

module Jobs
  LIMIT = 3

  class Worker < Base
    attr_reader :name

    def initialize(name)
      @name = name
    end

    def self.start!(count = 1)
      local = 1
    end

    def ready?; true; end
  end

  class Errors::Late < StandardError; end
end

def helper; end
