defmodule Shop.Cart do
  alias Shop.{Item, Price}
  import Ecto.Query
  use GenServer

  @type t :: %__MODULE__{}

  def add(cart, item) do
    cart
  end

  defp total(cart) when is_map(cart), do: 0
  defmacro trace(expr), do: expr

  defmodule Line do
    def new, do: nil
  end
end
