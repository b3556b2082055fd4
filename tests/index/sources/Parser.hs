module Text.Parser where

import qualified Data.Map as M
import Data.List (sort)

data Token = Word String | End
newtype Parser a = Parser { runParser :: String -> a }
type Name = String

class Monad m => MonadParse m where
  item :: m Char

parse :: Parser a -> String -> a
parse p s = runParser p s
  where local = 1
